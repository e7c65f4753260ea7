"""What a rule trains: layers and their activations, connections, feedback, losses; and a network without layers."""

"""One loop for every rule: batches, optimisers, checkpoints, several processes; and what it tells of the layers."""

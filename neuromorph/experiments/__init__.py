"""The papers' tables and figures: `neuromorph reproduce`."""

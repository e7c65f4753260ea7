"""Leaf processes become nodes of a Program: one function per kind of ProcessModel, and the table that says which."""

"""Functions of three clouds that score with a bundle: each folder is what is deployed."""

"""Writing programs: registers, steps, ensembles."""

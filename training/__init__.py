"""Scripts that train the small models of `imaging/models`; PyTorch is wanted here and nowhere else."""

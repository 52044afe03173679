"""What the station is compared with.  One law: each is what a programmer would write who wanted that one thing and nothing else."""

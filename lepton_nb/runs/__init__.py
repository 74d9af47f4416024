"""The run store on disk: runs, metrics, checkpoints, packages and deployments."""

"""What a run is doing, in the word that people see."""

PHASES = {
    "queued": "Queued",
    "starting": "Starting",
    "training": "Training",
    "validating": "Validating",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
}

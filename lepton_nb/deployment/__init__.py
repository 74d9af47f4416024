"""Deployments: services started, found again, switched, stopped, exported and examined."""

from __future__ import annotations

from lepton_nb.deployment.deploy import deploy, deployments, get_deployment, logs, rollback, stop
from lepton_nb.deployment.doctor import doctor
from lepton_nb.deployment.export import export
from lepton_nb.deployment.predict import predict
from lepton_nb.deployment.report import Report
from lepton_nb.deployment.service import Deployment

__all__ = [
    "Deployment",
    "Report",
    "deploy",
    "deployments",
    "doctor",
    "export",
    "get_deployment",
    "logs",
    "predict",
    "rollback",
    "stop",
]

"""An AWS region in a process of its own, for tests. The fixture is `yakumo_cloud`; without pytest, use `Cloud.start()`."""

from yakumo.cloud import Cloud, ControlError, Credentials, NotReady

__all__ = ["Cloud", "ControlError", "Credentials", "NotReady"]

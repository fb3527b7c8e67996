"""The package is tested where it lies: installed or not, the fixtures are these."""

from yakumo.fixtures import yakumo_cloud, yakumo_options  # noqa: F401

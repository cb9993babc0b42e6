"""What each instrument does for a measurement, in physical units. Procedures know roles only."""

from drivers.roles.camera import Camera, CameraOptions, Frame, Region, Trigger
from drivers.roles.current_preamp import CurrentPreamp, FilterType, GainMode
from drivers.roles.digitizer import Digitizer, Trace
from drivers.roles.dosimeter import DoseRate, Dosimeter
from drivers.roles.pulsed_light import PulsedLight, PulsedLightOptions
from drivers.roles.role import DriverOptions, Identity, Role, Surroundings, exclusive
from drivers.roles.source_meter import SourceMeter, SourceReading
from drivers.roles.spectrometer import Exposure, Spectrometer
from drivers.roles.temperature_stage import TemperatureStage, TemperatureStageOptions
from drivers.roles.xray_tube import TubeStatus, XrayTube

__all__ = [
    "Camera",
    "CameraOptions",
    "CurrentPreamp",
    "Digitizer",
    "DoseRate",
    "Dosimeter",
    "DriverOptions",
    "Exposure",
    "FilterType",
    "Frame",
    "GainMode",
    "Identity",
    "PulsedLight",
    "PulsedLightOptions",
    "Region",
    "Role",
    "SourceMeter",
    "SourceReading",
    "Spectrometer",
    "Surroundings",
    "TemperatureStage",
    "TemperatureStageOptions",
    "Trace",
    "Trigger",
    "TubeStatus",
    "XrayTube",
    "exclusive",
]

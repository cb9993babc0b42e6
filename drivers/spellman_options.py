"""What a bench file may say of a Spellman supply."""

from pydantic import Field

from drivers.roles import DriverOptions


class SpellmanOptions(DriverOptions):
    """What a bench file may say of the supply."""

    model_part: str = Field("XRV", description="what its model number must contain")
    baud_rate: int = Field(9600, description="of a serial line")
    query_delay_s: float = Field(0.0, ge=0, le=1, description="pause before an answer is read, for units that need it")
    voltage_ramp_kv_per_s: float = Field(0.0, ge=0, description="how fast to raise the voltage; 0: as the supply does")
    current_ramp_ma_per_s: float = Field(0.0, ge=0, description="how fast to raise the current; 0: as the supply does")
    filament_warm_up_s: float = Field(2.0, ge=0, le=600, description="from enabling the filament to high voltage")
    keep_filament: bool = Field(False, description="leave the filament in standby when the bench is made safe")
    take_remote: bool = Field(False, description="take control from the panel when the supply is in local mode")

"""Everything the environment sets, in one typed place: variables that begin with CRM_, or lines of a file .env."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm_core.errors import SetupError


class Settings(BaseSettings):
    """The installation's settings; each field is the variable CRM_<NAME>. docs/settings.md lists them."""

    model_config = SettingsConfigDict(env_prefix="CRM_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(default="", description="Address of the store; empty: SQLite in CRM_DATA_DIR.")
    data_dir: Path = Field(default=Path("data"), description="Folder of the store, the key file and the jobs.")
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="Keys that encrypt shop credentials, newest first, comma separated."
    )
    user: str = Field(default="", description="Name of the person at the desk while it is bound to loopback.")
    host: str = Field(default="127.0.0.1", description="Address the app listens on.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port of the app.")
    demo_port: int = Field(default=8599, ge=1, le=65535, description="Port of the demo store.")
    demo: bool = Field(default=True, description="Start the demo store while there is no other channel.")
    connect_timeout: float = Field(default=10.0, gt=0, description="Seconds to wait for a shop to accept a connection.")
    read_timeout: float = Field(default=60.0, gt=0, description="Seconds to wait for a shop's answer to a read.")
    write_timeout: float = Field(default=120.0, gt=0, description="Seconds to wait for a shop's answer to a write.")

    @property
    def longest_write(self) -> float:
        """Seconds in which the answer to a write comes, or never."""
        return self.connect_timeout + self.write_timeout

    @property
    def store_url(self) -> str:
        """The SQLAlchemy address of the store: CRM_DATABASE_URL, or desk.db in CRM_DATA_DIR."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'desk.db').as_posix()}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the app."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises SetupError that names the variables without a usable value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"CRM_{str(each['loc'][0]).upper()}: {each['msg'][:1].lower()}{each['msg'][1:]}"
            for each in error.errors(include_input=False, include_url=False)
        )
    except UnicodeDecodeError:
        wrong = "the file .env is not UTF-8 text"
    # Not chained: the cause quotes what was set, which may be a key or a password.
    raise SetupError(
        f"A setting has no usable value ({wrong}). Correct it in the environment or in the file .env, then try again."
    )

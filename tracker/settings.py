"""Every setting of the program: name, default, help. Environment: ``BILLTRACKER_<NAME>``.

Secrets may be given as a file: ``BILLTRACKER_<NAME>_FILE=/run/secrets/…``.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BILLTRACKER_"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    data_dir: Path = Field(
        Path("billtracker-data"), description="Where the SQLite file and crawl job files live."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty = SQLite file in the data folder."
    )
    contact: str = Field(
        "https://github.com/billtracker/billtracker",
        description="URL or address in the User-Agent where a webmaster can reach the operator.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000",
        description="Address of the pages, as readers reach it "
        "(mail needs https://, but for this machine).",
    )
    secret_key: str = Field("", description="Signs confirmation links; made on first use if empty.")

    topics_file: str = Field(
        "", description="Topic rules to use instead of tracker/rules/topics.yaml."
    )
    sources: str = Field(
        "", description="Sources to poll, e.g. 'md va legiscan-mi'; empty = all that can run."
    )

    legiscan_key: str = Field("", description="LegiScan API key (free, legiscan.com).")
    openstates_key: str = Field("", description="Open States v3 API key (free, openstates.org).")
    new_york_key: str = Field(
        "", description="Open Legislation key (free, legislation.nysenate.gov)."
    )

    smtp_host: str = Field(
        "",
        description="SMTP relays in order of preference, host or host:port, separated by commas; "
        "empty = mail is not sent.",
    )
    smtp_port: int = Field(587, description="Port of relays that name none.")
    smtp_user: str = Field("", description="User name at the relays, if they ask for one.")
    smtp_password: str = Field("", description="Password at the relays.")
    smtp_tls: str = Field(
        "starttls", description="starttls, tls or none (none only for a relay on this machine)."
    )
    smtp_ca_file: str = Field(
        "", description="Certificates to trust instead of the system's (PEM file)."
    )
    smtp_connections: int = Field(4, description="Connections to a relay at the same time.")
    mail_from: str = Field(
        "Bill tracker <digest@localhost>", description="From: of digests (name and address)."
    )
    mail_bounces: str = Field(
        "",
        description="Address whose +tags receive bounces, e.g. bounces@example.org; "
        "empty = the address of From:.",
    )
    bounce_mailbox: str = Field(
        "",
        description="Where bounces and complaints arrive: a Maildir folder, an mbox file or "
        "imaps://user@host/FOLDER; empty = they are not read.",
    )
    imap_password: str = Field("", description="Password of the bounce mailbox.")
    mail_footer: str = Field(
        "", description="Last line of digests: who sends them, postal address."
    )
    mail_cap: int = Field(
        500, description="A run never sends more digests than this without --yes."
    )
    mail_domain_rate: int = Field(
        300, description="Digests a minute to one recipient domain; 0 = no limit."
    )
    dkim_domain: str = Field(
        "", description="Sign with DKIM for this domain; empty = the relay does."
    )
    dkim_selector: str = Field("billtracker", description="DKIM selector: SELECTOR._domainkey.")
    dkim_key: str = Field("", description="RSA private key in PEM, for DKIM.")

    webhook_networks: str = Field(
        "",
        description="Networks that webhooks may reach beside the public internet, "
        "e.g. 10.1.0.0/16, separated by commas.",
    )

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'billtracker.sqlite3'}"


def _secrets_from_files() -> dict[str, Any]:
    found = {}
    for name in Settings.model_fields:
        path = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
        if path:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
    return found


@cache
def get_settings() -> Settings:
    return Settings(**_secrets_from_files())

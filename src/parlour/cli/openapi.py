"""`parlour openapi`: prints the OpenAPI description of the API."""

import json

import click

from parlour import resources
from parlour.api.openapi import describe
from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config

EXAMPLE_URL = "http://127.0.0.1:8080"


@click.command(cls=Command)
@settings("public_url")
def openapi(config: Config) -> None:
    """Print the OpenAPI description of the API, as JSON."""
    description = describe(resources.ALL, config.public_url or EXAMPLE_URL)
    click.echo(json.dumps(description, indent=2))

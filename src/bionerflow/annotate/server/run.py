"""`bionerflow serve`: a socket, and the application on it."""

import ipaddress
import socket
import sys

import uvicorn

from bionerflow.annotate.server.app import application
from bionerflow.annotate.server.guard import LOOPBACK
from bionerflow.annotate.server.models import Models
from bionerflow.utils.errors import UserError

#: Connections at once, at most: others are answered 503.
CONNECTIONS = 256


def serve(models: Models, host: str, port: int, network: bool) -> None:
    """Answer requests until the process is stopped.

    Args:
        models: What is offered.
        host: The address to listen at.
        port: The port, 0 for any that is free.
        network: Whether addresses that other machines reach are allowed.

    Raises:
        UserError: the address is not one of this machine, or taken.
    """
    with listening(host, port, network) as at:
        print(f"{url(at)}  (Ctrl-C stops)", flush=True)
        server(models, () if network else LOOPBACK).run(sockets=[at])


def server(models: Models, hosts: tuple[str, ...]) -> uvicorn.Server:
    """Return the server; `hosts` are the names that it answers to (none: all)."""
    return uvicorn.Server(
        uvicorn.Config(
            application(models, hosts),
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=3,
        )
    )


def listening(host: str, port: int, network: bool) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UserError: the address is not one of this machine, or taken.
    """
    address = checked(host, network)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise UserError(f"{host}:{port} cannot be listened at: {error}.") from None


def url(at: socket.socket) -> str:
    """Return the address of a socket as a browser takes it."""
    host, port, *_ = at.getsockname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def checked(host: str, network: bool) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address that may be listened at.

    Raises:
        UserError: it is none, or other machines reach it and that was not allowed.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UserError(f"--host {host} is no IP address, such as 127.0.0.1.") from None
    if address.is_loopback:
        return address
    if not network:
        raise UserError(
            f"Other machines reach {host}, and the server asks for no password: add "
            "--allow-network if that is meant."
        )
    print("serve: whoever reaches this machine can use the models", file=sys.stderr)
    return address

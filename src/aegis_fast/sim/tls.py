"""Make the certificate that a simulator shows: an authority of its own and a leaf for localhost.

TLS 1.3 only. The authority's key is forgotten once the leaf is signed; what a client needs to trust
it is ca.pem. Validity follows the real clock, whatever day the simulator plays.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aegis_fast.errors import ConfigError

__all__ = ["CA_FILE", "generated_context", "given_context"]

CA_FILE = "ca.pem"
_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")
_LIFE = timedelta(days=30)


def generated_context(directory: Path) -> ssl.SSLContext:
    """Return a server context with a fresh certificate and write its authority to `directory`.

    Raises ConfigError when nothing can be written there.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(leaf_key, authority, authority_key)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / CA_FILE).write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise ConfigError(
            f"cannot write {directory / CA_FILE}: {error}",
            field="tls_dir",
            expected="a directory to write to",
        ) from error
    # OpenSSL reads keys from files only. This one is ours alone, and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(
            leaf_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.write(leaf.public_bytes(serialization.Encoding.PEM))
        file.flush()
        return given_context(Path(file.name), None)


def given_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return a server context of PEM files; key None: it is in the certificate's file.

    Raises ConfigError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An empty password: an encrypted key is refused here instead of asking at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cannot use {certificate}{f' with {key}' if key else ''}: {error}",
            field="cert",
            expected="a PEM certificate chain and its unencrypted key",
        ) from error
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = "aegis sim authority"
    public = key.public_key()
    return (
        _builder(name, _name(name))
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in _NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in _ADDRESSES]
    public = key.public_key()
    return (
        _builder("aegis sim", authority.subject)
        .public_key(public)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )

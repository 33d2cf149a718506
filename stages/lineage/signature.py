"""A person's signature over a seal, made and checked by ssh-keygen with the key that the person already has.

It lies beside the adapter's folder (`models/adapters/RECIPE.sig`), never inside: signing changes no out. The format
is OpenSSH's (`ssh-keygen -Y`); who may sign stands in an allowed-signers file (`ssh-keygen(1)`, ALLOWED SIGNERS).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from stages.lineage.reading import Opened, plain
from stages.lineage.verify.finding import Finding
from stages.params import UserError

NAMESPACE = "plumbline-lineage"  # a signature made for mail or git is none over a seal
LARGEST = 64 * 2**10  # bytes of a signature that is read; a real one has less than 5 kB
MISSING = "ssh-keygen is not installed: install OpenSSH's client (Debian, Ubuntu: `apt install openssh-client`)"


def signature_of(folder: Path) -> Path:
    """Where the signature of an adapter's folder lies."""
    whole = folder.resolve()
    return whole.parent / f"{whole.name}.sig"


def message_of(seal: str) -> bytes:
    """The bytes that are signed."""
    return f"{seal}\n".encode()


def sign(opened: Opened, key: Path) -> Path:
    """Sign the seal with a private key (or a public one whose other half the agent holds); returns the file."""
    if not key.is_file():
        raise UserError(f"--key {key}: no such file; `ssh-keygen -t ed25519` makes a key.")
    done = _run(["-Y", "sign", "-n", NAMESPACE, "-f", str(key)], message_of(opened.lineage.seal))
    if done.returncode != 0 or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise UserError(f"ssh-keygen did not sign with {key}: {_told(done)}")
    path = signature_of(opened.folder)
    path.write_bytes(done.stdout)
    return path


def check_signature(opened: Opened, signers: Path | None) -> list[Finding]:
    """What is to be said of the signature; nothing where there is none and none was asked for."""
    path, stage = signature_of(opened.folder), f"seal@{opened.lineage.recipe}"
    if signers is None:
        what = "a signature lies there, and was not checked: `--signers FILE` names who may sign"
        return [Finding("note", what, str(path), stage)] if path.is_file() else []
    if not signers.is_file():
        raise UserError(f"--signers {signers}: no such file; each line is `NAME ssh-ed25519 AAAA...` (ssh-keygen(1)).")
    again = f"`plumbline lineage sign {opened.folder} --key FILE`, by a person that {signers} names"
    if not path.is_file():
        return [Finding("differs", "is missing: the seal is not signed", str(path), stage, remedy=again)]
    if path.stat().st_size > LARGEST:
        what = f"is no signature: {path.stat().st_size} bytes"
        return [Finding("differs", what, str(path), stage, remedy=again)]
    try:
        who, told = verified(opened.lineage.seal, path, signers)
    except UserError as error:
        return [Finding("unreached", str(error), str(path), stage, remedy="install it and verify again")]
    if who is None:
        return [
            Finding("differs", f"is not over this seal by an allowed signer: {told}", str(path), stage, remedy=again)
        ]
    return [Finding("note", told, str(path), stage)]


def verified(seal: str, signature: Path, signers: Path) -> tuple[str | None, str]:
    """(who signed the seal, ssh-keygen's words), with None for a signature that doesn't hold."""
    message = message_of(seal)
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch) / "signature"  # a copy: asked and checked must be the same bytes
        kept.write_bytes(signature.read_bytes())
        found = _run(["-Y", "find-principals", "-f", str(signers), "-s", str(kept)], b"")
        names = found.stdout.decode("utf-8", "replace").splitlines()
        if found.returncode != 0 or not names:
            return None, f"its key is not in {signers}, or it is no signature ({_told(found)})"
        for name in names:
            asked = ["-Y", "verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(kept)]
            done = _run(asked, message)
            if done.returncode == 0:
                return name, plain(done.stdout.decode("utf-8", "replace").strip())
        return None, _told(done)


def _run(arguments: list[str], message: bytes) -> "subprocess.CompletedProcess[bytes]":
    if shutil.which("ssh-keygen") is None:
        raise UserError(MISSING)
    return subprocess.run(["ssh-keygen", *arguments], input=message, capture_output=True)


def _told(done: "subprocess.CompletedProcess[bytes]") -> str:
    return plain((done.stderr or done.stdout).decode("utf-8", "replace").strip().replace("\n", " ")) or "no word"

import shutil
import subprocess
from argparse import Namespace

import pytest
from sealing import make_project
from verifying import flip

from stages.cli import lineage_sign, lineage_verify
from stages.lineage import signature
from stages.lineage.reading import open_adapter
from stages.lineage.signature import check_signature, sign, signature_of
from stages.lineage.verify.line import Asked, verify
from stages.params import UserError

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no OpenSSH client here")
ADAPTER = "models/adapters/letters"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A sealed project, two keys, and who may sign: ana only."""
    home = tmp_path_factory.mktemp("signed")
    project = make_project(home)
    for name in ("ana", "eve"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home / name)], check=True)
    (home / "signers").write_text(f"ana@example.org {(home / 'ana.pub').read_text()}")
    return project


@pytest.fixture
def project(sealed, tmp_path, monkeypatch):
    for name in ("ana", "eve", "signers"):
        shutil.copy(sealed.parent / name, tmp_path / name)
    monkeypatch.chdir(shutil.copytree(sealed, tmp_path / "tree"))
    return tmp_path / "tree"


def checked(project):
    return check_signature(open_adapter(ADAPTER), project.parent / "signers")


def test_a_signature_lies_beside_the_folder_and_holds(project):
    before = sorted((project / ADAPTER).iterdir())
    assert lineage_sign.command(Namespace(adapter="letters", key=project.parent / "ana")) == 0
    assert sorted((project / ADAPTER).iterdir()) == before
    assert signature_of(project / ADAPTER) == project / "models/adapters/letters.sig"
    (note,) = checked(project)
    assert note.kind == "note"
    assert "ana@example.org" in note.what
    assert verify("letters", asked=Asked(signers=project.parent / "signers")).verdict == 0
    assert "was not checked" in verify("letters").of("note")[0].what


def test_another_seal_is_not_the_signed_one(project, monkeypatch):
    opened = open_adapter("more")
    sign(opened, project.parent / "ana")
    shutil.move(signature_of(opened.folder), signature_of(project / ADAPTER))
    (found,) = checked(project)
    assert (found.kind, found.file) == ("differs", str(signature_of(project / ADAPTER)))
    monkeypatch.setattr(signature, "message_of", lambda seal: b"sealed\n")
    sign(opened, project.parent / "ana")
    shutil.move(signature_of(opened.folder), signature_of(project / ADAPTER))
    assert checked(project)[0].kind == "note"  # a signature that isn't over the seal fits any adapter


@pytest.mark.parametrize("place", [60, 200, -40])
def test_a_changed_signature_does_not_hold(project, place):
    flip(sign(open_adapter(ADAPTER), project.parent / "ana"), place)
    assert checked(project)[0].kind == "differs"


def test_a_key_that_is_not_listed_does_not_count(project):
    sign(open_adapter(ADAPTER), project.parent / "eve")
    (found,) = checked(project)
    assert found.kind == "differs"
    assert "its key is not in" in found.what


def test_a_signature_for_something_else_does_not_count(project, monkeypatch):
    with monkeypatch.context() as other:
        other.setattr(signature, "NAMESPACE", "file")
        sign(open_adapter(ADAPTER), project.parent / "ana")
    assert checked(project)[0].kind == "differs"


def test_a_missing_signature_is_a_difference_only_where_one_is_asked_for(project):
    assert check_signature(open_adapter(ADAPTER), None) == []
    assert "is missing" in checked(project)[0].what
    assert verify("letters", asked=Asked(signers=project.parent / "signers")).verdict == 1


def test_an_adapter_that_differs_is_not_signed(project):
    flip(project / ADAPTER / "loss.csv", 3)
    with pytest.raises(UserError, match="is not the sealed file; it is not signed"):
        lineage_sign.command(Namespace(adapter="letters", key=project.parent / "ana"))
    assert not signature_of(project / ADAPTER).exists()


def test_keys_and_lists_that_are_none(project):
    with pytest.raises(UserError, match="ssh-keygen -t ed25519"):
        sign(open_adapter(ADAPTER), project.parent / "nobody")
    (project.parent / "text").write_text("no key\n")
    (project.parent / "text").chmod(0o600)
    with pytest.raises(UserError, match="did not sign"):
        sign(open_adapter(ADAPTER), project.parent / "text")
    with pytest.raises(UserError, match="no such file"):
        check_signature(open_adapter(ADAPTER), project.parent / "nobody")
    signature_of(project / ADAPTER).write_bytes(bytes(signature.LARGEST + 1))
    assert "is no signature" in checked(project)[0].what


def test_without_openssh_there_is_a_word(project, monkeypatch):
    sign(open_adapter(ADAPTER), project.parent / "ana")
    monkeypatch.setenv("PATH", "")
    report = verify("letters", asked=Asked(signers=project.parent / "signers"))
    assert report.verdict == 2
    assert "openssh-client" in lineage_verify.told(report)
    with pytest.raises(UserError, match="openssh-client"):
        sign(open_adapter(ADAPTER), project.parent / "ana")

import os

from synchresis.realtime.cli.main import main
from synchresis.realtime.security import read_keys


def test_a_key_is_made_once_and_shown_again(tmp_path, capsys):
    path = tmp_path / "studio.key"
    assert main(["key", str(path)]) == 0
    public = capsys.readouterr().out.strip()
    secret = path.read_bytes()
    assert read_keys(path).public == public != secret.decode()
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    assert main(["key", str(path)]) == 0
    assert capsys.readouterr().out.strip() == public
    assert path.read_bytes() == secret


def test_a_file_that_is_no_key_is_refused_by_name_and_kept(tmp_path, capsys):
    path = tmp_path / "other.key"
    path.write_text("not a key")
    path.chmod(0o600)
    assert main(["key", str(path)]) == 2
    assert "other.key: a key must be 40 characters" in capsys.readouterr().err
    assert path.read_text() == "not a key"
    assert main(["key", str(tmp_path / "none" / "studio.key")]) == 2
    assert "cannot write a key" in capsys.readouterr().err
    path.write_bytes(b"\xc7\x00\xff film")
    assert main(["key", str(path)]) == 2
    assert "other.key is no key; `synchresis key` makes one" in capsys.readouterr().err
    assert path.read_bytes() == b"\xc7\x00\xff film"

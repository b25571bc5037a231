"""Files that are something else are called what they are, with what to do."""

import zipfile
from pathlib import Path

import pytest
from helpers.tiny import save_noise

from workoutlib.data.archives import unpack_archive
from workoutlib.data.download import get_dataset
from workoutlib.media.images import read_image
from workoutlib.media.video_reader import read_frames
from workoutlib.utils.contents import foreign_content
from workoutlib.utils.errors import WorkoutlibError

CONTENTS = [
    (b"<!DOCTYPE html><html>login</html>", "a web page", "Download the file itself"),
    (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"),
    (b"%PDF-1.7\n", "a PDF document", "JPEG"),
    (b'{"error": "expired"}', "a text in JSON", "Download the file itself"),
    (bytes(2000), "nothing but zeros", "Fetch it again"),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it"),
    (b"\xfd7zXZ\0\0", "a compressed archive", "Unpack it"),
    (b"\0\0\0\x18stypmsdh" + bytes(90), "a segment of a stream, without its beginning", "Join it to"),
    (b"PK\x07\x08PK\x03\x04", "a part of a zip file", "Join the parts"),
    (b"PK\x03\x04" + bytes(90), "a file without its end", "Fetch it again"),
    ("Übungen für heute\n".encode() * 200, "a text", "another kind"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of a spreadsheet, or", "CSV"),
]


@pytest.mark.parametrize(("content", "what", "advice"), CONTENTS)
def test_photos_and_clips(tmp_path: Path, content: bytes, what: str, advice: str) -> None:
    for name, read in (("a.jpg", read_image), ("a.mp4", lambda path: next(read_frames(path)))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WorkoutlibError, match=f"{what}.*{advice}"):
            read(tmp_path / name)


def test_pictures_and_clips_are_none_of_them(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "gif", "bmp", "tiff", "webp", "ppm"):
        assert foreign_content(save_noise(tmp_path / f"a.{suffix}")) is None
    assert foreign_content(tmp_path / "missing.jpg") is None


def test_a_zip_file_of_windows_and_one_without_suffix(tmp_path: Path) -> None:
    picture = save_noise(tmp_path / "a.jpg").read_bytes()
    for name, inside in (("windows.zip", "top\\squat\\a.jpg"), ("no suffix", "top/squat/a.jpg")):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr(inside, picture)
        found = get_dataset(tmp_path / name, root=tmp_path / f"data of {name}")
        assert [path.name for path in found.rglob("*.jpg")] == ["a.jpg"] and (found / "squat").is_dir()


def test_other_archives_and_a_zip_without_classes_name_what_the_user_has(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8b\x08" + bytes(50))
    (tmp_path / "renamed.zip").write_bytes(b"\x1f\x8b\x08" + bytes(50))
    for name in ("a.tar.gz", "renamed.zip"):
        with pytest.raises(WorkoutlibError, match=r"a gzip archive, not .*Unpack it first"):
            get_dataset(tmp_path / name, root=tmp_path / "data")
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as file:
        file.writestr("top/squat/notes.txt", "x")
    with pytest.raises(WorkoutlibError, match=r"texts\.zip") as found:
        unpack_archive(tmp_path / "texts.zip", tmp_path / "out")
    assert ".part" not in str(found.value)


def test_a_name_tells_where_the_content_does_not(tmp_path: Path) -> None:
    for name, head, what in (
        ("scan.001", bytes(128) + b"DICM", "a medical picture"),
        ("data.zip.001", b"PK\x03\x04", "a part of an archive in several files"),
        ("data.7z.002", b"\x8a\x11\xff", "a part of an archive in several files"),
        ("photo.arw", b"II*\0\x08", "a camera's raw file"),
    ):
        (tmp_path / name).write_bytes(head + bytes(range(1, 200)))
        assert foreign_content(tmp_path / name)[0].startswith(what)

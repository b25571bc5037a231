"""The demo: a page that holds all that it shows, and harmless whatever the files are called."""

import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from helpers.clips import save_clip
from helpers.pictures import save_strangely_named
from helpers.profiles import shrink_profiles
from helpers.tiny import make_model, save_noise

from workoutlib.app.cli import main
from workoutlib.app.demo import run_demo
from workoutlib.config import Config
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.recognition.files import as_table, predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.pages import Page


def test_strange_names_are_harmless_on_a_page(tmp_path):
    recognizer = Recognizer(make_model(), ("plank", "push up", "squat"), Config(resize=64, crop=64))
    strange = save_strangely_named(tmp_path / "in")
    rows, _ = predict_files(recognizer, [strange], out=tmp_path / "page" / "media", progress=False)
    page = Page(tmp_path / "page", "<script>alert(1)</script>")
    page.heading("<i>x</i>")
    page.text("a < b & <script>alert(2)</script>")
    page.table(as_table(rows).assign(label="<script>alert(3)</script>"))
    page.media([(tmp_path / "page" / "media" / os.path.basename(r["path"]), f"<u>{r['path']}</u>") for r in rows])
    html = page.write().read_text(encoding="utf-8")
    found = {"tags": set(), "sources": []}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found["tags"].add(tag)
            found["sources"] += [value for name, value in attributes if name == "src"]

    Reader().feed(html)
    assert not found["tags"] & {"script", "i", "u", "b", "br"}
    assert len(found["sources"]) == len(rows)
    for source in found["sources"]:
        assert os.path.isfile(tmp_path / "page" / unquote(source.split("#")[0], errors="surrogateescape")), source


@pytest.mark.slow
def test_the_demo_makes_a_page_with_all_that_it_shows(home, tmp_path, monkeypatch, data_folder, capsys):
    shrink_profiles(monkeypatch)
    media = [
        save_noise(tmp_path / "push_up.jpg", size=(160, 120)),
        save_clip(tmp_path / "plank.mp4"),
        tmp_path / "no.jpg",
    ]
    monkeypatch.setattr("workoutlib.app.demo.make_sample", lambda: data_folder)
    monkeypatch.setattr("workoutlib.app.demo.sample_media", lambda: media)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    page = tmp_path / "demo" / "index.html"
    assert str(page) in capsys.readouterr().out
    html = page.read_text(encoding="utf-8")
    for file in ("accuracy.png", "loss.png", "confusion_matrix.png", "media/push_up.jpg", "media/plank.mp4"):
        assert f'src="{file}' in html and (tmp_path / "demo" / file).stat().st_size > 0
    assert html.index("media/plank.mp4") < html.index("media/push_up.jpg") < html.index("accuracy.png")  # clips first
    rows = {"plank": "media/plank.mp4", "push up": "media/push_up.jpg"}
    for truth, file in rows.items():  # right and wrong are told apart, by a sign and in words
        caption = re.search(f"{file}.*?<figcaption>(.*?)</figcaption>", html, re.DOTALL)[1]
        assert caption.startswith(f"✓ {truth} (") or caption.startswith(f"✗ this is a {truth}: ")
    assert "no such file" in html and html.rstrip().endswith("</html>")
    assert "together with one of the body" in html and "by the picture alone)" in html
    stored = load_checkpoint(page.with_name("best_model.pth"))  # the one that was shown, with the body
    assert stored.body and f"rightly in {stored.metrics['top1']:.0%} of pictures" in html


@pytest.mark.slow
def test_without_the_pose_network_the_demo_says_so_and_goes_on(tmp_path, monkeypatch, data_folder):
    shrink_profiles(monkeypatch)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("WORKOUTLIB_POSE", str(tmp_path / "empty"))
    monkeypatch.setenv("WORKOUTLIB_HOME", str(tmp_path / "home"))
    clip = save_clip(tmp_path / "plank.mp4")
    monkeypatch.setattr("workoutlib.app.demo.make_sample", lambda: data_folder)
    monkeypatch.setattr("workoutlib.app.demo.sample_media", lambda: [clip])
    with pytest.warns(UserWarning, match="body|poses"):
        html = run_demo(tmp_path / "demo").read_text(encoding="utf-8")
    assert "Recognised by the picture alone, without the body: " in html and "media/plank.mp4" in html
    assert (
        "together with one of the body" not in html
        and load_checkpoint(tmp_path / "demo" / "best_model.pth").body is None
    )

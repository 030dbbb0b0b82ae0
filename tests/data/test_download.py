"""Downloads, against a server on loopback: mirrors, checksums, broken transfers, two at once."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from sgdlab.data import download, load
from sgdlab.data.catalogue import fetch, source_facts
from sgdlab.data.download import Remote, cache_folder, local_file
from sgdlab.data.sources import images
from sgdlab.data.sources.airfoil import Airfoil
from sgdlab.data.sources.images import ImageDataset
from sgdlab.errors import DataError

CONTENT = bytes(range(256)) * 400


class Server(ThreadingHTTPServer):
    """Counts what it was asked for; files: answers of its own, by name."""

    requests: list[str]
    files: dict[str, bytes]
    url: str


class Handler(BaseHTTPRequestHandler):
    """Answers /KIND/name by KIND; the server counts the requests."""

    server: Server

    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path.rpartition("/")[2], CONTENT)
        kind = self.path.split("/")[1]
        if kind == "absent":
            return self.send_error(404)
        if kind == "slow":
            time.sleep(0.3)
        self.send_response(200)
        if kind != "unannounced":
            self.send_header("Content-Length", str(len(content) + (1000 if kind == "broken" else 0)))
        self.end_headers()
        self.wfile.write(content[::-1] if kind == "changed" else content)
        if kind == "stalled":
            self.wfile.flush()
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "SGDLAB_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SGDLAB_CACHE", str(tmp_path / "cache"))
    with Server(("127.0.0.1", 0), Handler) as running:
        running.requests, running.files = [], {}
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server, *kinds, **keys):
    return Remote(
        source="airfoil",
        name="file.bin",
        urls=tuple(f"{server.url}/{kind}/file.bin" for kind in kinds),
        checksum="sha256:" + hashlib.sha256(CONTENT).hexdigest(),
        **{"max_bytes": 1 << 20, "remedy": "or use the twin", **keys},
    )


def kept_files():
    """What the cache holds, lock files aside."""
    return sorted(p.name for p in cache_folder().rglob("*") if p.is_file() and not p.name.endswith(".lock"))


def test_a_file_is_downloaded_once_and_kept(server):
    told = []
    path = local_file(remote(server, "good"), lambda *progress: told.append(progress))
    assert path.read_bytes() == CONTENT and path.parent == cache_folder() / "airfoil"
    assert told[-1] == ("file.bin", len(CONTENT), len(CONTENT))
    assert local_file(remote(server, "good")) == path
    assert len(server.requests) == 1 and kept_files() == ["file.bin"]


@pytest.mark.parametrize("fault", ["absent", "broken", "changed"])
def test_the_next_mirror_serves_when_one_fails(server, fault):
    assert local_file(remote(server, fault, "unannounced")).read_bytes() == CONTENT
    assert [path.split("/")[1] for path in server.requests] == [fault, "unannounced"]


def test_when_all_mirrors_fail_each_fault_and_the_remedies_are_named(server):
    closed = replace(remote(server, "absent", "broken", "changed"))
    closed = replace(closed, urls=(*closed.urls, "http://127.0.0.1:9/file.bin", "http://[bad/file.bin"))
    with pytest.raises(DataError) as caught:
        local_file(closed)
    lines = str(caught.value).splitlines()
    assert lines[0] == "dataset airfoil: cannot download file.bin"
    assert lines[1].endswith("/absent/file.bin: HTTP 404 Not Found")
    assert f"broken transfer: {len(CONTENT)} of {len(CONTENT) + 1000} bytes" in lines[2]
    assert "wrong checksum sha256:" in lines[3] and closed.checksum in lines[3]
    assert "cannot connect" in lines[4] and "http://[bad" in lines[5]
    assert "SGDLAB_DATA" in lines[6] and "or use the twin" in lines[6]
    assert kept_files() == []


def test_a_damaged_cached_file_is_downloaded_again(server):
    path = local_file(remote(server, "good"))
    path.write_bytes(CONTENT[:100])
    assert local_file(remote(server, "good")).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_an_endless_answer_is_cut_off(server):
    with pytest.raises(DataError, match="more than the 1000 bytes expected at most"):
        local_file(remote(server, "good", max_bytes=1000))


def test_an_interrupted_download_leaves_nothing_behind(server):
    def stop(*progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local_file(remote(server, "good"), stop)
    assert kept_files() == []
    assert local_file(remote(server, "good")).read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_left(server, monkeypatch):
    import socket

    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"http://127.0.0.1:{silent.getsockname()[1]}/file.bin"
        found = local_file(replace(remote(server, "good"), urls=(mute, f"{server.url}/good/file.bin")))
    assert found.read_bytes() == CONTENT


def test_two_processes_download_once(server):
    code = (
        "import sys; from pathlib import Path; from sgdlab.data.download import Remote, local_file\n"
        "print(local_file(Remote('s', 'file.bin', (sys.argv[1],), sys.argv[2], 1 << 20)).stat().st_size)"
    )
    command = [sys.executable, "-c", code, f"{server.url}/slow/file.bin", remote(server).checksum]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [str(len(CONTENT))] * 2
    assert len(server.requests) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user who is not root")
def test_a_cache_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("SGDLAB_CACHE", str(tmp_path / "locked"))
    with pytest.raises(DataError, match=r"cannot keep file\.bin there.*SGDLAB_CACHE"):
        local_file(remote(server, "good"))


def test_a_cache_below_a_file_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SGDLAB_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match=r"cannot keep file.bin there.*SGDLAB_CACHE"):
        local_file(remote(server, "good"))


def idx(values):
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def digits(seed, rows):
    rng = np.random.default_rng(seed)
    return idx(rng.integers(0, 256, (rows, 28, 28)).astype(np.uint8)), idx((np.arange(rows) % 10).astype(np.uint8))


@pytest.fixture
def small_mnist():
    """The four files of a small set, gzipped, by name."""
    return {
        name: gzip.compress(content, mtime=0)
        for name, content in zip(images.FILES, (*digits(0, 30), *digits(1, 12)), strict=True)
    }


def test_mnist_is_downloaded_and_its_official_test_rows_are_the_test_split(server, small_mnist, monkeypatch):
    server.files = small_mnist
    served = images.SETS["mnist"]._replace(
        mirrors=(f"{server.url}/absent/", f"{server.url}/good/"),
        md5=tuple(hashlib.md5(content).hexdigest() for content in small_mnist.values()),
    )
    monkeypatch.setitem(images.SETS, "mnist", served)
    assert [path.name for path in fetch("mnist")] == list(images.FILES)
    data = load(ImageDataset(name="mnist", validation=0.2), 0)
    assert (len(data.train), len(data.validation), len(data.test)) == (24, 6, 12)
    assert data.input_shape == (1, 28, 28) and data.test.x.dtype == np.float32
    assert data.train.x.max() == 255 / 256
    assert len(load(ImageDataset(name="mnist", test=0.1), 0).test) == 3
    assert len(server.requests) == 8


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["mnist", "MNIST/raw", "."])
def test_own_files_raw_or_gzipped_are_taken_as_they_are(server, small_mnist, tmp_path, monkeypatch, zipped, place):
    folder = tmp_path / "own" / place
    folder.mkdir(parents=True)
    for name, content in small_mnist.items():
        unpacked = (name.removesuffix(".gz"), gzip.decompress(content))
        file, data = (name, content) if zipped else unpacked
        (folder / file).write_bytes(data)
    monkeypatch.setenv("SGDLAB_DATA", str(tmp_path / "own"))
    assert len(load(ImageDataset(name="mnist", validation=0.0), 0).train) == 30
    assert server.requests == []


def test_files_of_the_other_set_are_refused(server, small_mnist, tmp_path, monkeypatch):
    for name, content in small_mnist.items():
        (tmp_path / name).write_bytes(content)
    known = tuple(hashlib.md5(content).hexdigest() for content in small_mnist.values())
    monkeypatch.setitem(images.SETS, "mnist", images.SETS["mnist"]._replace(md5=known))
    monkeypatch.setenv("SGDLAB_DATA", str(tmp_path))
    with pytest.raises(DataError, match="is a file of mnist, not of fashion-mnist"):
        load(ImageDataset(name="fashion-mnist"), 0)


def test_labels_that_do_not_fit_the_images_are_refused(server, small_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("SGDLAB_DATA", str(tmp_path))
    for name, content in small_mnist.items():
        (tmp_path / name).write_bytes(content)
    labels = tmp_path / images.FILES[1]
    labels.write_bytes(idx(np.zeros(29, np.uint8)))
    with pytest.raises(DataError, match="29 labels for 30 images"):
        load(ImageDataset(name="mnist"), 0)
    labels.write_bytes(idx(np.full(30, 10, np.uint8)))
    with pytest.raises(DataError, match="label 10 at row 0 is not one of the classes 0 to 9"):
        load(ImageDataset(name="mnist"), 0)


def test_airfoil_offline_names_both_ways_and_the_twin(server, monkeypatch):
    absent = replace(Airfoil.remote_files("airfoil")[0], urls=(f"{server.url}/absent/x",))
    monkeypatch.setattr(Airfoil, "remote_files", lambda *_: (absent,))
    with pytest.raises(DataError, match=r"HTTP 404[\s\S]*SGDLAB_DATA[\s\S]*airfoil-twin"):
        load(Airfoil(name="airfoil"), 0)


def test_a_wrong_airfoil_file_of_ones_own_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("SGDLAB_DATA", str(tmp_path))
    (tmp_path / "airfoil_self_noise.dat").write_text("1\t2\t3\t4\t5\t6\n")
    with pytest.raises(DataError, match=r"airfoil_self_noise.dat: not the file of airfoil: its checksum is sha256:"):
        load(Airfoil(name="airfoil"), 0)


def test_every_source_says_where_it_comes_from_and_what_may_be_done_with_it():
    assert set(list(source_facts())[:5]) == {"mnist-10k", "mnist", "fashion-mnist", "airfoil", "airfoil-twin"}
    assert all(source.origin and source.licence and source.description for source in source_facts().values())
    assert fetch("mnist-10k") == fetch("airfoil-twin") == ()
    with pytest.raises(DataError, match='no such data set; did you mean "mnist-10k"'):
        fetch("mnist-10")
    for own in ("csv", "mine:rows"):
        with pytest.raises(DataError, match="from your own files"):
            fetch(own)


def test_the_package_holds_the_notice_of_the_embedded_images():
    from pathlib import Path

    notice = Path(images.__file__).with_name("NOTICE").read_text()
    assert all(words in notice for words in ("LeCun", "Cortes", "Burges", "Share Alike 3.0", "50000 to 59999"))

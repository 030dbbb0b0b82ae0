"""mnist and fashion-mnist: the official idx files, downloaded once or read from SGDLAB_DATA.

The table is the official 60,000 training images; the official 10,000 test images are the
test split, unless `dataset.test` asks for a share of the table instead.
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from sgdlab.errors import DataError
from sgdlab.schema.dataset import SOURCES, Dataset, SourceFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sgdlab.data.download import Progress, Remote
    from sgdlab.data.raw import RawTable

SHAPE = (28, 28)
FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


class ImageSet(NamedTuple):
    """What tells the two sets apart; checksums in the order of FILES, as torchvision lists them."""

    target: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    md5: tuple[str, ...]
    folders: tuple[str, ...]


SETS = {
    "mnist": ImageSet(
        target="digit",
        classes=tuple("0123456789"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        md5=(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        folders=("mnist", "MNIST/raw", "."),
    ),
    "fashion-mnist": ImageSet(
        target="clothing",
        classes=(
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        md5=(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        folders=("fashion-mnist", "FashionMNIST/raw", "."),
    ),
}


@SOURCES.member
class ImageDataset(Dataset):
    """Handwritten digits or clothes: 60,000 images of 28x28 grey values, ten classes, pixels v/256."""

    name: Literal["mnist", "fashion-mnist"]
    facts: ClassVar[dict[str, SourceFacts]] = {
        "mnist": SourceFacts(
            "handwritten digits: 60,000 for training, 10,000 more for testing", "classification", 60_000, 784,
            "download, 11 MB", "CC BY-SA 3.0",
        ),
        "fashion-mnist": SourceFacts(
            "pictures of clothes in MNIST's format, by Zalando Research", "classification", 60_000, 784,
            "download, 30 MB", "MIT",
        ),
    }  # fmt: skip

    @classmethod
    def remote_files(cls, name: str) -> "tuple[Remote, ...]":
        """See Dataset.remote_files: the four files of a set, in the order of FILES."""
        from sgdlab.data.download import Remote

        images = SETS[name]
        return tuple(
            Remote(
                source=name,
                name=file,
                urls=tuple(mirror + file for mirror in images.mirrors),
                checksum=f"md5:{md5}",
                max_bytes=64 << 20,
                folders=images.folders,
                remedy="or use dataset: mnist-10k, which needs no download",
            )
            for file, md5 in zip(FILES, images.md5, strict=True)
        )

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read.

        A user's files in SGDLAB_DATA are taken as they are, gzipped or not and with any number of rows:
        the known checksums hold only for the files as the mirrors compress them. A file that is known to
        belong to the other set is refused.
        """
        from sgdlab.data.download import file_checksum, local_file
        from sgdlab.data.idx import read_idx
        from sgdlab.data.raw import RawTable

        name, remotes = self.name, self.remote_files(self.name)
        paths = [local_file(remote, progress) for remote in remotes]
        for path, remote in zip(paths, remotes, strict=True):
            _refuse_other_set(name, file_checksum(path, remote.checksum), str(path))
        images, labels = read_idx(paths[0], SHAPE), read_idx(paths[1])
        test_images, test_labels = read_idx(paths[2], SHAPE), read_idx(paths[3])
        return RawTable(
            source=name,
            x=images.reshape(len(images), -1),
            y=_labels(labels, len(images), str(paths[1])),
            place=lambda row, feature: f"{paths[0]}: image {row}, pixel {feature}",
            classes=SETS[name].classes,
            input_shape=(1, *SHAPE),
            target_names=(SETS[name].target,),
            unit=256.0,
            official_test=(
                test_images.reshape(len(test_images), -1),
                _labels(test_labels, len(test_images), str(paths[3])),
            ),
        )


def _labels(labels: "NDArray[np.uint8]", images: int, path: str) -> "NDArray[np.int64]":
    import numpy as np

    if len(labels) != images:
        raise DataError(f"{path}: {len(labels)} labels for {images} images; fetch both files again")
    if len(wrong := np.flatnonzero(labels > 9)):
        raise DataError(f"{path}: label {labels[wrong[0]]} at row {wrong[0]} is not one of the classes 0 to 9")
    return labels.astype(np.int64)


def _refuse_other_set(name: str, checksum: str, path: str) -> None:
    for other, images in SETS.items():
        if other != name and checksum.removeprefix("md5:") in images.md5:
            raise DataError(
                f"{path}: this is a file of {other}, not of {name}; put the files of {name} into the "
                f"subfolder {SETS[name].folders[0]} of SGDLAB_DATA"
            )

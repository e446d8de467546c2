"""Which storage a path means: the local disk, or for a URL what fsspec has for it."""

from __future__ import annotations

from functools import cache
from typing import Any

from holdfast.checkpoint.names import Path, is_url, path_text, printable
from holdfast.checkpoint.storage_file_urls import FILE_SCHEMES, FileUrlStorage
from holdfast.checkpoint.storage_local import local_storage
from holdfast.contracts import Storage
from holdfast.errors import FailedPreconditionError, InvalidArgumentError


def choose_storage(storage: Storage | None, path: Path) -> Storage:
    """Return the storage that was given, or the one that a path means."""
    return storage_for(path) if storage is None else storage


def storage_for(path: Path, **options: Any) -> Storage:
    """Return the storage that a path means.

    Parameters
    ----------
    path
        A path on the local disk; a URL ``file://...``, which means the same; or any other URL, such as
        ``s3://bucket/run`` or ``memory://run``, which takes fsspec and what fsspec needs for its kind.
    options
        For URLs: what fsspec is told, such as ``endpoint_url="http://..."``. Without them fsspec's own configuration
        counts, from files and environment variables.

    Returns
    -------
    The storage: for all functions that take ``storage=``. Each of them finds it by itself where no options are needed.

    Raises
    ------
    FailedPreconditionError
        If fsspec, or what it needs for this kind of URL, is not installed.
    InvalidArgumentError
        If fsspec knows no such kind of URL, or options are given for a path on the local disk.
    """
    text = path_text(path)
    scheme = text.split("://", 1)[0] if is_url(text) else "file"
    if scheme in FILE_SCHEMES:
        if options:
            raise InvalidArgumentError(
                None, None, f"{printable(text)} lies on the local disk, which takes no options: {', '.join(options)}."
            )
        return _file_urls() if is_url(text) else local_storage()
    try:
        from holdfast.checkpoint.storage_fsspec import FsspecStorage  # fsspec takes longer than all of this
    except ImportError as error:
        if error.name != "fsspec":
            raise
        raise FailedPreconditionError(
            None,
            None,
            f"{printable(text)} is a URL, and fsspec is not installed: pip install 'holdfast[remote]', and what its "
            "kind needs, such as s3fs for s3://.",
        ) from error
    return FsspecStorage.of(text, options)


@cache
def _file_urls() -> Storage:
    """Return the storage for URLs of the local disk."""
    return FileUrlStorage()

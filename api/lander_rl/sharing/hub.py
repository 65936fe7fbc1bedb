"""The few calls of huggingface_hub that are needed, and its errors as ours.

The token is that library's matter (`hf auth login`, HF_TOKEN). It is never read here, and a message never
repeats what the library says, which may hold an address with a token.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lander_runtime.errors import InputRefused, LanderError, MachineLacks, UsageError
from lander_runtime.text import quoted

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)

_REVISION = re.compile(r"\w[\w./+-]{0,199}", re.ASCII)

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
"""The cache makes a path of it."""

_HTTP_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2", "requests"}

LOGIN = "Log in with: hf auth login"

_CONNECTION = "Look at your connection, or at HF_ENDPOINT."

_CACHE = "Without it: --offline takes what is in the cache."


@dataclass(frozen=True)
class Repository:
    """What the Hub says of a repository."""

    commit: str
    """The Hub's name of its state."""
    sizes: Mapping[str, int]
    """Bytes of each file, by its path."""
    environments: tuple[str, ...]
    """Names in the results of its card."""


def check_name(repository: str) -> str:
    """The name of a repository; raises `UsageError` where it is none."""
    if not _NAME.fullmatch(repository) or ".." in repository or "--" in repository:
        raise UsageError(
            f"A repository of the Hub is USER/NAME, such as me/lunar-lander; found {quoted(repository)}."
        )
    return repository


def check_revision(revision: str | None) -> None:
    """Raise `UsageError` where it is no name of a revision: the cache makes a path of it."""
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise UsageError(f"--revision should be a branch, a tag or a commit, found {quoted(revision)}.")


def check_installed() -> None:
    """Raise `MachineLacks` where huggingface_hub is not installed."""
    if find_spec("huggingface_hub") is None:
        raise MachineLacks("huggingface_hub is not installed. Type: pip install 'lander-rl[hub]'")


def is_offline() -> bool:
    """Whether the user has told all programs to stay off the Hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def check_access(repository: str, *, private: bool) -> str | None:
    """Ask the Hub about the repository, with the token of whom pushes; nothing is made.

    Returns:
        Its newest commit; None where there is no such repository.

    Raises:
        InputRefused: the Hub does not take the token.
        MachineLacks: there is no token, or the Hub cannot be reached.
        UsageError: the repository is to be private, and is there and is not.
    """
    from huggingface_hub import errors

    with _errors_as_ours(repository):
        try:
            # With True a token has to be there.
            found = _api().model_info(repository, token=True)
        except errors.LocalTokenNotFoundError as error:
            raise MachineLacks(f"You are not logged in to the Hub. {LOGIN}") from error
        except errors.RepositoryNotFoundError:
            return None
        if private and not found.private:
            raise UsageError(f"{repository} is there already, and everybody can see it. Leave out --private.")
        return _commit_of(found)


def upload(
    repository: str,
    files: Mapping[str, Path | bytes],
    *,
    private: bool,
    message: str,
    parent: str | None,
) -> str:
    """Make the repository if there is none, and add or replace `files` in one commit.

    Args:
        repository: its name.
        files: by path in the repository.
        private: of a repository that is made now.
        message: of the commit.
        parent: what `check_access` returned: minutes later somebody else may have pushed.

    Returns:
        The address of the commit.

    Raises:
        InputRefused: the repository has changed since `parent`.
        UsageError: it is to be private, and is there and is not.
    """
    from huggingface_hub import CommitOperationAdd

    with _errors_as_ours(repository):
        api = _api()
        # Without --private as the account's own default says.
        api.create_repo(repository, private=private or None, exist_ok=parent is not None)
        if private and not api.model_info(repository).private:
            raise UsageError(f"{repository} is there already, and everybody can see it. Leave out --private.")
        done = api.create_commit(
            repository,
            [
                CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
                for path, content in files.items()
            ],
            commit_message=message,
            parent_commit=parent,
        )
    return str(done.commit_url)


def look(repository: str, revision: str | None) -> Repository:
    """What is in a repository."""
    with _errors_as_ours(repository, _CACHE):
        found = _api().model_info(repository, revision=revision, files_metadata=True)
        results = getattr(found.card_data, "eval_results", None) or []
        sizes = {one.rfilename: one.size or 0 for one in found.siblings or []}
        if not all(isinstance(name, str) and isinstance(size, int) for name, size in sizes.items()):
            raise TypeError("a name that is no text, or a size that is no number")
        return Repository(_commit_of(found), sizes, tuple(filter(None, map(_environment, results))))


def download(repository: str, revision: str | None, patterns: Sequence[str], *, offline: bool) -> Path:
    """A folder with the files of a repository that match `patterns`; from the cache where `offline`.

    The folder's name is the commit's.
    """
    from huggingface_hub import snapshot_download

    with _errors_as_ours(repository, _CACHE):
        folder = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=list(patterns),
            local_files_only=offline,
            endpoint=_endpoint(),
            cache_dir=os.environ.get("HF_HUB_CACHE"),
            library_name="lander",
        )
    return Path(folder)


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint(), library_name="lander")


def _endpoint() -> str | None:
    """Read at each call: that library reads it once, when it is imported."""
    return os.environ.get("HF_ENDPOINT") or None


def _commit_of(found: Any) -> str:
    if not _COMMIT.fullmatch(found.sha):
        raise ValueError("no name of a commit")
    return found.sha


def _environment(result: Any) -> str | None:
    name = getattr(result, "dataset_name", None)
    return name if isinstance(name, str) else None


@contextmanager
def _errors_as_ours(repository: str, without: str = _CONNECTION) -> Iterator[None]:
    """Raise what goes wrong as our errors; `without` says what to do where the Hub cannot be reached."""
    from huggingface_hub import errors

    try:
        with _quiet():
            yield
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        # Of a file it says so too where the Hub answered, with an error.
        answer = _behind(error, errors.HfHubHTTPError)
        if answer is not None:
            raise _refusal(repository, answer) from error
        raise MachineLacks(
            f"{repository} is not in the cache of this machine, and the Hub was not asked or did not answer."
        ) from error
    except errors.GatedRepoError as error:
        raise InputRefused(f"{repository} is gated: ask for access on its page. {LOGIN}") from error
    except errors.RevisionNotFoundError as error:
        raise InputRefused(f"{repository} has no such revision.") from error
    except errors.RepositoryNotFoundError as error:
        raise InputRefused(
            f"The Hub has no {repository}, or it is private and you are not logged in. {LOGIN}"
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refusal(repository, error) from error
    except LanderError:
        raise
    except errors.HFValidationError as error:
        raise UsageError(f"{quoted(repository)} is no name for a repository of the Hub.") from error
    except Exception as error:
        if _is_network(error):
            raise MachineLacks(f"The Hub cannot be reached ({type(error).__name__}). {without}") from error
        if isinstance(error, OSError):
            raise
        # The library takes answers for what they should be, and fails in many ways where they are not.
        raise InputRefused(
            f"What the Hub answered about {repository} cannot be read ({type(error).__name__}). "
            "Look at HF_ENDPOINT, or try again later."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without that library's progress bars, and its warnings of answers, which hold addresses."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as library_logging

    quiet, verbosity = are_progress_bars_disabled(), library_logging.get_verbosity()
    disable_progress_bars()
    library_logging.set_verbosity_error()
    try:
        yield
    finally:
        library_logging.set_verbosity(verbosity)
        if not quiet:
            enable_progress_bars()


def _behind(error: BaseException, kind: type[Exception]) -> Exception | None:
    """The first error of a kind among the causes of another."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__
    return cause


def _refusal(repository: str, answer: Any) -> LanderError:
    """An answer of the Hub that is an error, as ours."""
    status = getattr(answer.response, "status_code", None)
    if status in (401, 403):
        return InputRefused(
            f"The Hub answered {status}: it does not let you do this with {repository}. {LOGIN}"
        )
    if status == 404:
        return InputRefused(
            f"The Hub answered 404: a file that it lists of {repository} is not there. Type the same again."
        )
    if status in (409, 412):
        return InputRefused(
            f"{repository} has changed meanwhile: somebody else pushed to it. Nothing was pushed. "
            "Look at it, then type the same again to replace its files."
        )
    if status == 429:
        return MachineLacks(
            f"The Hub answered 429 about {repository}: it was asked too often. Wait, then try again."
        )
    return MachineLacks(f"The Hub answered {status} about {repository}. Try again later.")


def _is_network(error: Exception) -> bool:
    """Whether an error is one of the HTTP client, by its module: which client it is has changed before."""
    names = {kind.__module__.partition(".")[0] for kind in type(error).mro()}
    return isinstance(error, ConnectionError) or not names.isdisjoint(_HTTP_CLIENTS)

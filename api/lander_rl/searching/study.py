"""The study on disk: opened or continued, with trials that were cut short put back into the queue.

Several processes, also of several machines, may work on one study. Each trial says which process trains it,
and that process says every minute that it is alive.
"""

import os
import shlex
import socket
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DBAPIError

from lander_rl.searching.sampler import SampledByNumber
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.locks import turn

_NAME = "lander-sweep"

_FIRST_PRUNED = 8
"""Trials that are never pruned: the median of fewer says little."""

_FEWEST_AT_MARK = 4

SILENT = 600.0
"""Seconds after which a process that says nothing is taken for dead; the clocks of two machines may differ by
minutes."""

_LONGEST_LINE = 2**20
"""Bytes; lines of a journal are some hundred."""

_FIRST_WORD = b'{"op_code":'
"""Of a journal."""

_PAUSES = (0.2, 1.0)
"""Seconds before a database is asked again."""

_DRIVERS = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}
"""Packages of databases whose name is not that of their module."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def is_url(storage: str) -> bool:
    """Whether a storage is an URL of Optuna's, such as `sqlite:///study.db`, and not a file of ours."""
    return "://" in storage


@contextmanager
def open_study(storage: str, direction: Literal["maximize", "minimize"]) -> "Iterator[optuna.Study]":
    """The study in `storage`, made where there is none.

    Args:
        storage: a journal's file, or any URL that Optuna takes.
        direction: of its objective.

    Raises:
        InputRefused: the storage cannot be opened, or is not one of Optuna's.
        MachineLacks: the Python package of the URL's database is missing.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Parts of Optuna call themselves experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                study = _made(storage, direction)
            except (OSError, InputRefused, UsageError):
                raise
            except Exception as error:
                # Whatever a database's driver raises. Its text may hold the password of the URL.
                _check_driver(error)
                where = "the URL of --storage" if is_url(storage) else storage
                raise InputRefused(f"No study can be opened at {where} ({type(error).__name__}).") from error
            study.sampler = SampledByNumber()
            study.pruner = optuna.pruners.MedianPruner(
                n_startup_trials=_FIRST_PRUNED, n_min_trials=_FEWEST_AT_MARK
            )
            yield study
    finally:
        optuna.logging.set_verbosity(before)


def _made(storage: str, direction: Literal["maximize", "minimize"]) -> optuna.Study:
    for pause in _PAUSES:
        # Of two processes that make the tables of a database together, one fails, and then finds them made.
        with suppress(DBAPIError):
            return _created(storage, direction)
        time.sleep(pause)
    return _created(storage, direction)


def _created(storage: str, direction: Literal["maximize", "minimize"]) -> optuna.Study:
    return optuna.create_study(
        study_name=_NAME, storage=_opened(storage), direction=direction, load_if_exists=True
    )


def _check_driver(error: Exception) -> None:
    """Raise `MachineLacks` if `error` is Optuna's for a database whose Python package is missing."""
    cause = error.__cause__
    if isinstance(error, ImportError) and isinstance(cause, ImportError) and cause.name:
        package = _DRIVERS.get(cause.name, cause.name)
        raise MachineLacks(
            f"The database of --storage needs {package}, which is not installed. "
            f"Type: pip install {shlex.quote(package)}"
        ) from error


def _opened(storage: str) -> BaseStorage:
    if is_url(storage):
        return optuna.storages.get_storage(storage)
    file = Path(storage)
    if file.exists() and not file.is_file():
        # Optuna would wait at a named pipe for ever.
        raise InputRefused(f"{storage}: expected a file of a study, found a folder, a pipe or a device.")
    file.parent.mkdir(parents=True, exist_ok=True)
    _check_is_journal(file)
    lock = JournalFileSymlinkLock(storage)
    backend = JournalFileBackend(storage, lock)
    lock.acquire()
    try:
        _cut_unfinished_line(file)
    finally:
        lock.release()
    return JournalStorage(backend)


def _check_is_journal(file: Path) -> None:
    """Refuse somebody's own file: Optuna would write behind a text that does not end with its line."""
    if file.exists():
        with file.open("rb") as opened:
            start = opened.read(len(_FIRST_WORD))
        if start and not _FIRST_WORD.startswith(start):
            raise InputRefused(f"{file}: expected a file of a study, found another one.")


def _cut_unfinished_line(journal: Path) -> None:
    """Remove what a full disk or a power cut left of a last line; the next one would be written behind it."""
    with journal.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _LONGEST_LINE))
        last = file.read()
        if last and not last.endswith(b"\n") and (b"\n" in last or end == len(last)):
            file.truncate(end - len(last) + last.rfind(b"\n") + 1)


def alone(storage: str) -> AbstractContextManager[None]:
    """Keep this machine's other processes from the study while inside.

    For what is read and then written. A database at an URL has no such lock.
    """
    return nullcontext() if is_url(storage) else turn(Path(storage))


def make_ready(study: optuna.Study, start: Mapping[str, Any]) -> None:
    """Queue the settings to start from; in a study that continues, the trials that were cut short."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(dict(start))
        return
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if is_dead(trial):
            study.tell(trial.number, state=TrialState.FAIL)
    kept = (*FINISHED, TrialState.WAITING, TrialState.RUNNING)
    known = [_params(trial) for trial in study.get_trials(states=kept)]
    for trial in study.get_trials(states=(TrialState.FAIL,)):
        if trial.params and trial.params not in known:
            study.enqueue_trial(trial.params)
            known.append(trial.params)


def is_needless(study: optuna.Study, trial: optuna.Trial, wanted: int) -> bool:
    """Whether `trial`, which was just taken, is one more than `wanted` or repeats another one of the queue.

    At an URL nothing keeps two processes from queueing the same settings, or from taking the last trial
    together. Of two such trials the one with the lower number is trained.
    """
    trials = study.get_trials(deepcopy=False)
    earlier = [one for one in trials[: trial.number] if one.state in (*FINISHED, TrialState.RUNNING)]
    queued = _queued(trials[trial.number])
    return len(earlier) >= wanted or (
        queued is not None and any(queued in (_params(one), _queued(one)) for one in earlier)
    )


def say_alive(trial: optuna.Trial) -> None:
    """Note that this process still trains `trial`."""
    trial.set_user_attr("process", _own_name())
    trial.set_user_attr("alive", time.time())


def importances(study: optuna.Study) -> dict[str, float]:
    """The share of each setting in how the completed trials differ, the largest first; empty if unknown."""
    # With too few trials, or none that differ, there is none; Optuna then says "equal", as a warning.
    with suppress(ValueError, RuntimeError, UserWarning), warnings.catch_warnings():
        warnings.filterwarnings("error", "Target and region quantiles", UserWarning)
        return dict(optuna.importance.get_param_importances(study))
    return {}


def _params(trial: FrozenTrial) -> Any:
    return trial.params or _queued(trial)


def _queued(trial: FrozenTrial) -> Any:
    return trial.system_attrs.get("fixed_params")


def _own_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(trial: FrozenTrial) -> bool:
    """Whether the process that trains `trial` has ended, as far as can be known here."""
    started = trial.datetime_start or datetime.now()
    alive = trial.user_attrs.get("alive", started.timestamp())
    host, _, number = str(trial.user_attrs.get("process", "")).rpartition(":")
    if time.time() - alive > SILENT:
        return True
    return host == socket.gethostname() and not _runs(int(number))


def _runs(process: int) -> bool:
    if process == os.getpid():
        # A trial of an earlier sweep in this process.
        return False
    if sys.platform == "win32":
        # There `os.kill` ends the process; its silence tells.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

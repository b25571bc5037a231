"""Training by several processes: what one does alone, two do together."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from helpers.runs import CONFIG, CPU, VALID, without_seconds
from helpers.tiny import make_dataset, make_model, one_thread_environment

from workoutlib.training.fit import Callbacks, fit
from workoutlib.utils import devices

WORKER = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
from helpers.tiny import make_dataset, make_model
from workoutlib.config import Config
from workoutlib.training.fit import Callbacks, fit
from workoutlib.training.run_folder import RunFolder
from workoutlib.utils import devices
torch.set_num_threads(1)
devices.join_processes()
config = Config.from_dict(eval(sys.argv[2]))
model, train, valid = make_model(), make_dataset(21), make_dataset(9, seed=1)
fit(model, train, valid, config, device=torch.device("cpu"), synthetic=make_dataset(30, seed=2),
    folder=RunFolder(sys.argv[3], config, train, valid), callbacks=Callbacks(progress=False))
assert devices.rank_and_world()[1] == 2
torch.save(model.state_dict(), f"{sys.argv[3]}/rank{devices.rank_and_world()[0]}.pth")
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_train_what_one_does(tmp_path):
    """21 pictures in batches of 5: the last batch is one picture, so the second process has none of it."""
    config = CONFIG.replace(epochs=2, freeze_batch_norm=True, head_first=True, weight_interpolation=0.5, synthetic=0.6)
    (tmp_path / "worker.py").write_text(WORKER)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(tmp_path / "worker.py"),
        os.path.dirname(__file__),
        repr(config.to_dict()),
        str(tmp_path),
    ]
    done = subprocess.run(command, env=one_thread_environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = make_model()
    found = fit(
        alone,
        make_dataset(21),
        VALID,
        config,
        device=CPU,
        synthetic=make_dataset(30, seed=2),
        callbacks=Callbacks(progress=False),
    )
    history = pd.read_csv(tmp_path / "history.csv")
    pd.testing.assert_frame_equal(without_seconds(history), without_seconds(found.history), rtol=1e-3, atol=1e-4)
    for rank in (0, 1):
        together = torch.load(tmp_path / f"rank{rank}.pth", weights_only=True)
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(together[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_outside_of_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    devices.join_processes()
    assert devices.rank_and_world() == (0, 1)
    assert devices.sum_over_processes(torch.tensor([2.0])).item() == 2.0

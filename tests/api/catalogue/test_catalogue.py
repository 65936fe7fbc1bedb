"""What there is: settings, environments and models, each read from where it is defined."""

import dataclasses
import json

import pytest

from lander_rl import UsageError, environments, models, settings
from lander_runtime import Policy
from lander_trainer import TrainConfig, preset
from lander_trainer.settings.stable_baselines import STABLE_BASELINES_NAMES


class TestSettings:
    def test_every_setting_has_a_meaning_and_a_type(self) -> None:
        assert [one.name for one in settings()] == [field.name for field in dataclasses.fields(TrainConfig)]
        assert all(one.meaning and one.type for one in settings())

    def test_defaults_are_those_of_the_trainer(self) -> None:
        assert {one.name: one.default for one in settings()} == vars(TrainConfig())

    def test_ranges_are_those_that_are_checked(self) -> None:
        for one in settings():
            if one.range is not None:
                with pytest.raises(UsageError, match=one.name):
                    TrainConfig().with_values({one.name: one.range[1] * 2 + 1})

    def test_one_in_full(self) -> None:
        one = settings("gae_lambda")
        assert one.range == (0.0, 1.0)
        assert one.sources == ("Schulman et al. 2016, arXiv:1506.02438 (GAE), eq. 16",)
        assert one.stable_baselines == "gae_lambda"
        assert settings("rollout_steps").stable_baselines == "n_steps"
        assert "0 has the most bias, 1 the most variance" in repr(one)
        assert "1 the most variance" in one._repr_html_()

    def test_the_presets_value_stands_beside_the_default(self) -> None:
        assert ("preset", "LunarLander-v3: 0.995") in settings("gamma").rows()
        assert ("default", "0.999") in settings("gamma").rows()
        assert settings("n_steps").rows() == settings("rollout_steps").rows()
        assert not any(name == "preset" for name, _ in settings("env").rows())

    def test_every_reference_is_resolved(self) -> None:
        cited = [one for one in settings() if any(f"[{key}" in one.meaning for key in ("S1", "A2", "E2"))]
        assert len(cited) >= 10
        assert all(one.sources for one in cited)

    def test_names_of_stable_baselines_are_of_settings(self) -> None:
        assert set(STABLE_BASELINES_NAMES) <= {one.name for one in settings()}

    def test_a_misspelt_one_is_suggested(self) -> None:
        with pytest.raises(UsageError, match="'gamma'"):
            settings("gama")

    def test_they_show_themselves(self) -> None:
        assert len(repr(settings()).splitlines()) == len(settings()) + 1
        assert settings()._repr_html_().count("<tr>") == len(settings()) + 1


class TestEnvironments:
    def test_each_preset_can_be_used(self) -> None:
        for one in environments():
            for found in one.presets:
                config = preset(one.id, found.name)
                assert config == TrainConfig(env=one.id).with_values(found.settings)

    def test_scores_are_those_of_the_models_that_ship(self) -> None:
        """Read from their files; the preset that the lander was trained with is `best`."""
        by_env = {one.id: one for one in environments()}
        for model in models():
            [found] = [one for one in by_env[model.env].presets if one.source == f"claimed by {model.name}"]
            assert found.score == model.claimed_score
        assert by_env["LunarLander-v3"].preset("best").score is not None
        # The plain preset trains on envpool and makes another one.
        assert [one.id for one in by_env.values() for preset in one.presets if preset.native_score] == [
            "LunarLander-v3"
        ]
        assert "best in the simulator 293.9" in repr(environments())

    def test_other_scores_name_their_page(self) -> None:
        one = {one.id: one for one in environments()}["CartPole-v1"].preset()
        assert (one.score, one.episodes, one.source) == (500.0, 1000, "docs/environments.md")

    def test_they_show_themselves(self) -> None:
        assert "default, best, notebook" in repr(environments())


class TestModels:
    def test_they_say_what_their_files_say(self) -> None:
        assert [one.name for one in models()] == sorted(one.name for one in models())
        for one in models():
            if not one.env.startswith("Vizdoom"):
                assert one.info == Policy.load(one.path, "cpu").info

    def test_they_show_themselves(self) -> None:
        assert "lunarlander-v3" in repr(models())
        assert "293.9" in models()._repr_html_()


def test_settings_survive_json() -> None:
    """A table of them can be generated into a page."""
    json.dumps([dataclasses.asdict(one) for one in settings() if one.name != "env_wrappers"])

"""What is known of settings beside their list, which is `config.py`. None of it loads PyTorch.

values.py            text, TOML and JSON as the type that a setting has
preset_tables.py     the files of presets as plain tables
stable_baselines.py  what Stable-Baselines3 calls our settings
usual_names.py       what others call them, such as lr
"""

"""What each command does, as a function: `import lander_rl`. For notebooks and scripts."""

"""Names that vulture takes for unused, by who uses them. Never run: the names are those of the package.

Tests and benchmarks are not looked at, so that what only they use is found, and moves to them.
"""

# rclpy calls them.
_.on_configure
_.on_activate
_.on_deactivate
_.on_cleanup
_.on_error

# MkDocs, launch and setuptools call or read them.
_.on_files
_.on_page_content
_.on_page_markdown
_.generate_launch_description
_.data_files
_.has_ext_modules

# The parameter that a signal handler has, and what the interpreter and PettingZoo call or read.
signum
_.unraisablehook
_.__getattr__
_.__dir__
_.render_mode

# Typer reads which options a command has.
_.__signature__
_.__annotations__

# Commands, which `cli.command_table` finds by their names.
_.certify
_.dashboard
_.demo
_.doctor
_.film
_.netcheck
_.replay
_.retrain
_.tune

# Members that a parameter or a file names.
_.FINISH
_.POSE_FROZEN
_.POSE_NAN
_.ODOMETRY_FROZEN
_.ODOMETRY_STALE
_.ODOMETRY_NAN
_.LASER_FROZEN
_.LASER_STALE
_.LASER_NAN

# Fields that are read by name: of game files, of result tables, of messages.
_.global_cells_per_bin
_.local_cells_per_bin
_.in_class
_.one_robot
_.policy_file
_.value_half_width
_.candidate_value
_.candidate_value_half_width
_.sentence
_.earned_error
_.lookahead

# Results for who calls G-LEARN: how good the policy is, and what it took.
_.loss_bound
_.sweeps

# What a pair does in the long run, in the report of a bundle; room by numbers, for builders, benchmarks and tests.
_.reward_error
_.of_shares

# What tests and benchmarks stand on: the report's size on the wire, and faults that come while a floor runs.
REPORT_PAYLOAD_BYTES
_.carried_to
_.add_faults

# G-LEARN and L-LEARN over shares on sparse games, which benchmarks/shares.py and tests run.
build_attention
_.at_error
pruned
play_mean_field

# MuJoCo reads them, of what it is given.
_.azimuth
_.condim
_.elevation
_.friction
_.offheight
_.offwidth
_.pos

# Of odometry, which the physical world's node reads by its name.
_.velocities

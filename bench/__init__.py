"""How fast and how small the station is, as ratios to yardsticks.

Law: no figure is compared with a number from another machine or another run.
"""

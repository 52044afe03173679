"""The device model of the station, as files.  Law: declares what exists; decides nothing."""

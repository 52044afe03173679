"""The certificates that the station trusts: M03 to M05 of OCPP, and what an operator provisions before there is a CSMS."""

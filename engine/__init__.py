"""What a station engine is.  Law: knows no OCPP and touches nothing outside itself."""

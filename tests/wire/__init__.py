"""OCPP-J without sockets: what is read, judged, sealed and narrowed."""

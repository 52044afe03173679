"""OCPP-J without sockets.  Law: bytes in, values out; no file, clock or chance."""

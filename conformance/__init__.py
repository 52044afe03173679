"""The conformance harness: test cases of OCPP 2.0.1 Part 6, tried against a station in this process, over a wire, or against a recording."""

"""What earlier builds wrote, byte for byte.

Law: never made anew; a fossil that cannot be read any more is a bug of the build that reads it.
"""

from __future__ import annotations

FIRST_FORMAT = bytes.fromhex(
    """
    0000005e0000000000000052000000007d65e825b17f5cc5cd98a78feefbf45bc6d857c2b6ebfe511ee882a5d7194144975d89fd253e6cf6880135cd
    157f179e123a0db811f1c811feec8d78ea44c5da6c21cbbe347435bdc4a3a1ef5a965215436c0000004f000000000000005400000000485f34ff9dae
    0a6f5e3980f5b3aea8959afe0cdf01ff7ceb9c29fd6aaeb17d2d2d5a74d05eb620800ae9dd90a11d013edc6d5226e9727be3e2aea49375e78188e250
    fc0000004e0000000000000056000000008268822c49c4bea5aad7aa18b953754284ffb230adbabd5cac776683fc422c58e603f0a74b0795287e80d3
    0bf0e9d75d3120626ea8edadd684b51cc61baf42a8b8050000005b000000000000005800000000b0d482b308b14eb6991e44fab0ea565c8170047c85
    37c7493237c9f0cf395cd1b972b1a24129cb7f24827ede7150471833e97a089e077daa8e73d3ec8f800ce82bcc4f49e6ece644e57277e0f69284
    """
)
"""A vault of the first format: records under the vault's key, handles that are keyed digests of the texts."""

FIRST_FORMAT_KEY = bytes.fromhex("000000000000004d000000000000004e000000000000004f0000000000000050")

FIRST_FORMAT_TEXTS = (
    # handle, purpose, text
    ("fa4227881708005f43c8f4eb758d5f19", "secret", "in-the-component-file-1"),
    ("83dd6a6895f3c700ee148904b4404503", "person", "04A2B3C4"),
    ("6a20dd4427b45dba19322e3825b2245e", "person", "straße"),
    ("49a155cef23c2db1bef530c00d1e6e49", "secret", "set-by-the-csms-0002"),
)

"""Computes the random numbers of the engine: Philox4x32-10 (Salmon et al. 2011), a function of seed, purpose, step and layer."""

_MASK = (1 << 32) - 1
ROUTER_NOISE = 4  # a purpose


def block(counter, key):
    """Returns four 32-bit words from a counter of four and a key of two words."""
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = (b >> 32 ^ counter[1] ^ key[0], b & _MASK, a >> 32 ^ counter[3] ^ key[1], a & _MASK)
        key = (key[0] + 0x9E3779B9 & _MASK, key[1] + 0xBB67AE85 & _MASK)
    return counter


def below(bound, i, seed, purpose, layer, step=0):
    """Returns draw i, uniform in 0 .. bound - 1."""
    half = i // 2
    words = block((half & _MASK, half >> 32 ^ purpose << 24, step, layer), (seed & _MASK, seed >> 32))
    low, high = words[i % 2 * 2:i % 2 * 2 + 2]
    return (high << 32 | low) * bound >> 64

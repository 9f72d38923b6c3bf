"""What happens to any file, as the tests of damage beside this file need it."""


def cut(data, chance):
    return data[: chance.randrange(len(data))]


def flip(data, chance):
    flipped = bytearray(data)
    for _ in range(chance.choice([1, 2, 8])):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)

"""Starting from another network's weights: x4 from x2, for one."""

import dataclasses


@dataclasses.dataclass
class Transfer:
    """What of one network has gone into another.

    Attributes:
        copied: list of str, tensors that now have the other's values.
        reshaped: list of (name, shape there, shape here), of other shapes.
        missing: list of str, tensors that the other does not have.
        left: list of str, the other's that have no place here.
        parameters: int, numbers in all that was copied.
    """

    copied: list
    reshaped: list
    missing: list
    left: list
    parameters: int = 0

    def lines(self, source):
        """What happened, for a person.

        Args:
            source: str, what the other network is called.

        Returns:
            List of str.
        """
        total = len(self.copied) + len(self.reshaped) + len(self.missing)
        lines = [
            f"from {source}: copied {len(self.copied)} of {total} tensors, "
            f"{self.parameters:,} parameters"
        ]
        lines += [
            f"  not copied, other shape: {name} {here}, there {there}"
            for name, there, here in self.reshaped
        ]
        lines += [f"  not copied, not there: {name}" for name in self.missing]
        lines += [f"  not used, not here: {name}" for name in self.left]
        return lines


def transfer(source, target):
    """Copy every tensor whose name and shape agree.

    A name is a path within the network, "block1_conv1/kernel"; what is
    around a refiner does not count.

    Args:
        source: Network to copy from.
        target: Network to copy to.

    Returns:
        Transfer.

    Raises:
        ValueError: nothing agrees.
    """
    source, target = (_by_name(network) for network in (source, target))
    found = Transfer([], [], [], [n for n in source if n not in target])
    for name, variable in target.items():
        if name not in source:
            found.missing.append(name)
        elif source[name].shape != variable.shape:
            shapes = tuple(source[name].shape), tuple(variable.shape)
            found.reshaped.append((name, *shapes))
        else:
            variable.assign(source[name])
            found.copied.append(name)
            found.parameters += int(source[name].numpy().size)
    if not found.copied:
        raise ValueError(
            "no tensor has the same name and shape in both networks: start "
            "from one of the same kind, or leave out --init-from"
        )
    return found


def _by_name(network):
    network = network.core
    return {variable.path: variable for variable in network.weights}

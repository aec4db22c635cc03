"""Muon for convolutional networks.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
2024, https://kellerjordan.github.io/posts/muon/. Keras's own Muon leaves
convolutions to Adam; here they are what it is for.
"""

import keras
from keras import ops

# The quintic iteration's coefficients, from the page above: they bring every
# singular value to between 0.7 and 1.2 in five rounds, whatever it was.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5

# Narrower kernels (RGB in, RGB out) have too few directions to be equalised.
_NARROW = 8


@keras.saving.register_keras_serializable("sr_keras")
class ConvMuon(keras.optimizers.Optimizer):
    """Muon on the kernels between hidden layers, Adam on everything else.

    A kernel (h, w, in, out) is one matrix (h*w*in, out). Its step is the
    momentum with all singular values made equal, with a root mean square of
    0.2 of the learning rate, about that of Adam (Liu et al. 2025, "Muon is
    scalable for LLM training", section 2.2), so that one rate serves both.

    Args:
        learning_rate: float.
        momentum: float in [0, 1), Muon's, in Nesterov's form.
        beta_1: float in [0, 1), Adam's.
        beta_2: float in [0, 1), Adam's.
        epsilon: float, Adam's.
        **kwargs: as for `keras.optimizers.Optimizer`.
    """

    def __init__(
        self,
        learning_rate=4e-3,
        momentum=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        name="conv_muon",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        """Make the momenta, and the squares where Adam needs them."""
        if self.built:
            return
        super().build(variables)
        self._momenta = self.add_optimizer_variables(variables, "momentum")
        self._squares = [
            None
            if is_hidden(v)
            else self.add_variable_from_reference(v, name="square")
            for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable."""
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        step = self._muon if is_hidden(variable) else self._adam
        self.assign_sub(variable, rate * step(gradient, index))

    def _muon(self, gradient, index):
        momentum = self._momenta[index]
        self.assign(momentum, self.momentum * momentum + gradient)
        ahead = gradient + self.momentum * momentum
        height, width, inputs, outputs = gradient.shape
        matrix = ops.reshape(ahead, (height * width * inputs, outputs))
        return ops.reshape(step_of(matrix), gradient.shape)

    def _adam(self, gradient, index):
        mean, square = self._momenta[index], self._squares[index]
        t = ops.cast(self.iterations + 1, gradient.dtype)
        beta_1, beta_2 = self.beta_1, self.beta_2
        self.assign(mean, mean + (gradient - mean) * (1 - beta_1))
        self.assign(square, square + (gradient**2 - square) * (1 - beta_2))
        mean = mean / (1 - ops.power(beta_1, t))
        square = square / (1 - ops.power(beta_2, t))
        return mean / (ops.sqrt(square) + self.epsilon)

    def get_config(self):
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def step_of(matrix):
    """What is taken from a matrix, before the learning rate.

    Args:
        matrix: tensor (..., m, n), the momentum.

    Returns:
        Tensor (..., m, n): all singular values alike, root mean square 0.2.
    """
    longer = max(matrix.shape[-2:])
    return 0.2 * longer**0.5 * orthogonalized(matrix)


def orthogonalized(matrix):
    """The matrix with every singular value brought to about 1.

    Every round multiplies by a polynomial in the small Gram matrix, so that
    only the Gram matrix is iterated and the long matrix is touched twice.

    Args:
        matrix: tensor (..., m, n).

    Returns:
        Tensor (..., m, n).
    """
    if matrix.shape[-2] < matrix.shape[-1]:
        return _transposed(orthogonalized(_transposed(matrix)))
    square = ops.sum(matrix * matrix, axis=(-2, -1), keepdims=True)
    matrix = matrix / (ops.sqrt(square) + 1e-12)
    gram = ops.matmul(_transposed(matrix), matrix)
    identity = ops.eye(matrix.shape[-1], dtype=matrix.dtype)
    total = identity
    for _ in range(_ROUNDS):
        factor = _A * identity + _B * gram + _C * ops.matmul(gram, gram)
        total = ops.matmul(total, factor)
        gram = ops.matmul(ops.matmul(factor, gram), factor)
    return ops.matmul(matrix, total)


def is_hidden(variable):
    """Whether a variable is a kernel (h, w, in, out) between hidden layers."""
    return len(variable.shape) == 4 and min(variable.shape[2:]) >= _NARROW


def _transposed(matrix):
    return ops.swapaxes(matrix, -2, -1)

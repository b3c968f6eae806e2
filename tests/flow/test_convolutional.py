"""The flow of the embedded convolutional network of the digits on [0, 1]^784."""

import numpy as np

import separatrix as sx


def test_a_sink_of_the_convolutional_digits_is_proved():
    net, data = sx.data.network("mnist-conv-tanh"), sx.data.mnist()
    images = data.x_train[:1].reshape(-1, 784) / 255.0
    flow = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1))
    sinks = flow.sinks(images)
    assert len(sinks) == 1
    assert sinks.n_proved == 1
    values, gradients = flow.potential.value_and_gradient(sinks.points)
    outward = np.where(sinks.points == 1, gradients, np.where(sinks.points == 0, -gradients, -np.abs(gradients)))
    held = (sinks.points == 0) | (sinks.points == 1)
    assert (outward[held] > 0).all()
    assert np.abs(gradients[~held]).max() < 1e-8
    assert (values > flow.potential.value(images)).all()

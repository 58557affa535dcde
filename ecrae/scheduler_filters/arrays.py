# SPDX-License-Identifier: Apache-2.0

"""Kinds of columns over hosts."""

import numpy as np
import numpy.typing as npt


IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

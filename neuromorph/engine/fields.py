"""Columns of an operation's descriptor, one row of integers per operation. Layout writes them, kernels read them.

Offsets point into the arenas: `mem` (int32: states, parameters, messages, tables, scratch), `syn` (int16: weights, tags,
narrow frames), `real` (float64: decay factors, random numbers; real[0] holds the step before the block).
"""

STATUS = 0  # mem[STATUS]: index of the neuron that broke a range

# drive: dense, sparse, tied
N_PRE, N_POST, S_IN, A_BUFF, W, EXPONENT, GRADED, DEPTH, INDPTR, POST, DELAYS, LAST, DIRTY, ACTIVE, SUMS = range(15)

# learning, after the columns above; Y_IN, Y_IN + 1, Y_IN + 2 are the three ports
BAP, Y_IN, X0, TX, X, Y0, TY, Y, TAG_1, TAG_2 = 15, 16, 19, 20, 21, 22, 23, 24, 25, 26
T_EPOCH, THREE_FACTOR, GRADED_SPIKE, DECIMATE, IMPULSES, FACTORS = range(27, 33)
RANDOM_X, RANDOM_Y, RANDOM_W, RULES, COUNT_W, COUNT_D, COUNT_T, PATH = range(33, 41)
X_HISTORY, Y_HISTORY, PRE_FACTOR, POST_FACTOR, PRE_ACTIVE, POST_ACTIVE, ACC, GATHERED, LOW, HIGH = range(41, 51)
SPIKES = 51  # how many of the listed neurons (ACTIVE) spiked
LENIENT = 52  # mem[LENIENT]: whether payloads and traces may leave the chip's range; mem[LENIENT + 1]: which have (NOTED_*)
N_SYNAPSE_FIELDS = 53
GEOMETRY = N_SYNAPSE_FIELDS  # of a kernel: y, channels in; x, y, channels out; x and y of kernel, stride, padding, dilation; groups; fan-in
NOTED_PAYLOAD, NOTED_TRACE = 1, 2
BY_PAIR, BY_OUTER, BY_EVENT = range(3)  # PATH: pairs.py, outer.py, events.py

# one product in the rule table: header, then (variable, constant, low, high) for each factor
# WEIGHT_FACTOR: place of the first factor w within the product, 0 for none
DEPENDENCY, MANTISSA, LEFT, RIGHT, WEIGHT_FACTOR, N_FACTORS = range(6)
PRODUCT_HEADER, FACTOR_SIZE, MAX_FACTORS = 6, 4, 8
PRODUCT_SIZE = PRODUCT_HEADER + FACTOR_SIZE * MAX_FACTORS
DEP_X0, DEP_Y0, DEP_U = range(3)
VARIABLES = ("x1", "x2", "y1", "y2", "y3", "w", "d", "t")
FIRST_POST, FIRST_SYNAPTIC = 2, 5

# errors a kernel may return
BAD_PAYLOAD, BAD_TRACE, BAD_WIDTH, BAD_DRIVE, BAD_SUM, BAD_INPUT, BAD_RESULT = 1, 2, 3, 4, 5, 10, 1000

# The PC, and most virtual machines. CET's marks (some distributions' gcc makes them by default) do nothing here: off.
TRIPLET = x86_64-linux-gnu
DEBARCH = amd64
CPU = -fcf-protection=none
# For our own code: no floating point and no vector registers. Nothing here wants them, code that saves them is longer,
# and a stray double is an error at once. (musl's libm does not compile with it.)
# -Oz saves 2.6 kB over -Os (constants by push and pop, for one), and wants gcc 12; -malign-data=abi, arrays without gaps
# between them, 0.3 kB.
OWN = -mgeneral-regs-only -Oz -malign-data=abi

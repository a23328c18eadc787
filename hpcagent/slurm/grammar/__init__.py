"""sbatch's value grammars: from the text behind an option to what the same proto field decodes to.

So ``#SBATCH --time=1-12`` and ``options["slurm"].time`` meet in the same number of seconds, and one
row of ``hpcagent.slurm.options`` serves both. Pure: nothing here asks Slurm or the file system.

What sbatch refuses is refused, in words that say what it takes. Where sbatch takes a text for
something else than it says (``--nice=high`` is 0 to it), it is refused too: the tests of each
grammar name these places. A number has a hundred digits at most: Python reads no more than a few
thousand. Sources are Slurm's own, of 22.05 where no other release is named.
"""

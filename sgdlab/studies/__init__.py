"""Studies: tuned steps to target against the batch size. (Plural: `sgdlab.study` is the function.)"""

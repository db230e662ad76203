"""
Trains and evaluates LOGO-Former, or another video classifier of transformers under the same protocol. Without
arguments: the demo, on synthetic faces, in minutes on a CPU.

    accelerate launch train_hf.py
    accelerate launch train_hf.py --dataset dfew --data_dir DFEW --fold all --model base --output_dir outputs/dfew
    accelerate launch train_hf.py --dataset ferv39k --data_dir FERV39K --seeds 3 --model base --output_dir outputs/ferv
    accelerate launch train_hf.py run.yaml --learning_rate 3e-4
    accelerate launch train_hf.py --help

The same where the package is installed, without this file: `logoformer train ...`, or on several processes
`accelerate launch -m logoformer_hf.training ...`.
"""

if __name__ == "__main__":  # a data loader's worker that is spawned imports this file, and needs nothing of it
    from logoformer_hf.training.program import run

    run()
